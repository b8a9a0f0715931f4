"""Durable state: tables, migrations and the one write funnel."""
