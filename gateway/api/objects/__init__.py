"""The API's objects: their documented fields, and how a row of the store becomes one."""
