"""A store with many tasks, made quickly."""

import contextlib
import sqlite3


def multiply_task(database, times):
    """Makes so many more tasks of the only one, each with its picture."""
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        for table, key, name in (("tasks", "no", "id"), ("task_texts", "task", None)):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            values = [f"{key} - ?" if column == key else "id || '-' || ?" if column == name else column
                      for column in columns]
            # Below the one there is, so that it stays the newest: its number is made large first.
            if table == "tasks":
                db.execute("UPDATE tasks SET no = no + 1000000")
                db.execute("UPDATE task_texts SET task = task + 1000000")
            for n in range(1, times + 1):
                db.execute(f"INSERT INTO {table}({','.join(columns)}) SELECT {','.join(values)} FROM {table} "
                           f"WHERE {key} = (SELECT max({key}) FROM {table})", [n] * sum("?" in value for value in values))
