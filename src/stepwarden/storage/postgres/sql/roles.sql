-- Rights of the role {role} that serves: it reads, and writes through the functions only. Run by the schema's owner.
GRANT USAGE ON SCHEMA {schema} TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT EXECUTE ON FUNCTION
    {schema}.take_over(),
    {schema}.commit_group(bigint, integer, bytea, bytea, integer[], bigint[], bytea[], text[], bytea[], bytea[], text[],
                          bytea[], bigint, bytea, text),
    {schema}.erase_openings(bigint, integer[], bytea[]),
    {schema}.raise_floor(bigint),
    {schema}.prune(integer),
    {schema}.rewrite(text)
TO {role};
