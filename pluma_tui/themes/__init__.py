"""How the app looks: its own themes, those in files, and which one it wears."""
