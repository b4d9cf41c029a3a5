"""Names of directory operations, shared by the Microsoft 365 audit log and Entra's audit log."""

from stepwarden.connect.importers.clean import action, text

OPERATIONS = {
    "change user password": "password.change",
    "change password (self-service)": "password.change",
    "reset user password": "password.change",
    "reset password (by admin)": "password.change",
    "reset password (self-service)": "password.change",
    "set force change user password": "password.change",
    "user registered security info": "factor.enroll",
    "user registered all required security info": "factor.enroll",
    "admin registered security info": "factor.enroll",
    "user changed default security info": "factor.enroll",
    "user deleted security info": "factor.remove",
    "admin deleted security info": "factor.remove",
    "disable strong authentication": "factor.remove",
    "add member to role": "role.grant",
    "add eligible member to role": "role.grant",
    "add scoped member to role": "role.grant",
    "add-mailboxpermission": "role.grant",
    "add-recipientpermission": "role.grant",
    "add-rolegroupmember": "role.grant",
    "new-managementroleassignment": "role.grant",
    "sitecollectionadminadded": "role.grant",
    "consent to application": "consent.grant",
    "add delegated permission grant": "consent.grant",
    "add oauth2permissiongrant": "consent.grant",
    "add app role assignment grant to user": "consent.grant",
    "add app role assignment to service principal": "consent.grant",
    "new-mailboxexportrequest": "export",
    "searchexported": "export",
    "searchexportdownloaded": "export",
    "viewedsearchexported": "export",
}


def directory_action(prefix: str, operation: object) -> str:
    """Our name of an operation: a common verb, or ``prefix.`` and its own name."""
    name = text(operation, 128).strip().rstrip(".").lower()
    return OPERATIONS.get(name) or action(prefix, name)
