"""Identity providers and password managers."""

from stepwarden.connect.importers.applications.messages import IP, failed, passed

MESSAGES = (
    # The name stands in quotes that are not escaped, and what follows it is the server's: its last words count.
    failed(
        "Authelia",
        "authentication attempt by user '",
        rf"Unsuccessful \w{{1,16}} authentication attempt by user '(?P<user>.*)'.* remote_ip=\"?{IP}",
    ),
    passed(
        "Authelia",
        "Successful 1FA authentication attempt made by user '",
        rf"made by user '(?P<user>.*)'.* remote_ip=\"?{IP}\"?$",
        proved=("pwd",),
    ),
    failed(
        "Vaultwarden",
        "Username or password is incorrect. Try again. IP: ",
        rf"Try again\. IP: {IP}\. Username: (?P<user>.*)\.$",
    ),
)
