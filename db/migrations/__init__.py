"""The history of the tables, oldest version first; `db.migrate` brings a database up to date."""
