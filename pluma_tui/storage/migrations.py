"""The SQLite schema, as numbered steps. A step that was released is never edited: a new one is added.

`PRAGMA user_version` counts the steps a file has been through; `PRAGMA application_id` says that the file
is ours. Text columns have type TEXT and hold a BLOB where the text is no valid Unicode (see `rows.py`).
"""

APPLICATION_ID = 0x706C756D  # "plum"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        """
        CREATE TABLE conversations (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            title TEXT NOT NULL,
            created TEXT NOT NULL,
            updated TEXT NOT NULL,
            profile TEXT NOT NULL,
            model TEXT NOT NULL,
            head TEXT,
            extra TEXT
        )
        """,
        "CREATE INDEX conversations_by_update ON conversations (updated)",
        # `position` orders the messages of all conversations as they were added, so that a parent always
        # stands before its children. It is the row's number for good, which a search index can refer to.
        """
        CREATE TABLE messages (
            position INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            parent TEXT,
            role TEXT NOT NULL,
            text TEXT NOT NULL,
            reasoning TEXT NOT NULL,
            parts TEXT,
            created TEXT NOT NULL,
            model TEXT NOT NULL,
            profile TEXT NOT NULL,
            ending TEXT,
            error TEXT NOT NULL,
            usage TEXT,
            extra TEXT
        )
        """,
        "CREATE INDEX messages_by_conversation ON messages (conversation)",
    ),
)
