"""Who may open what, when and how: identities, grants, methods, codes."""
