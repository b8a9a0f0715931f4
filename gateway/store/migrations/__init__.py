"""Schema migrations; `gateway.store.schema` runs them."""
