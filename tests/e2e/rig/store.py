"""A daemon's tables, looked at and changed behind its back, in whichever store they are."""

import contextlib
import sqlite3

from rig import postgres


def sql(daemon, text):
    """Answers the rows as tuples of texts; "" is NULL as well."""
    store = daemon.config.get("store", "")
    if store.startswith("postgresql:"):
        lines = postgres.shared().sql(text, store.rpartition("search_path%3D")[2]).splitlines()
        return [tuple(line.split("|")) for line in lines]
    with contextlib.closing(sqlite3.connect(daemon.folder / "state" / "mjwatchd.db")) as database, database:
        return [tuple("" if cell is None else str(cell) for cell in row) for row in database.execute(text).fetchall()]
