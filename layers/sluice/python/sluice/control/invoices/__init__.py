"""Compares what the ledger says a day cost with what the vendors say, per provider and model.

`job` is the nightly run, `matching` the comparison, `statements` what both sides are brought into, and there is one
module per vendor. Days are UTC, money is nano-USD. All of it runs off the request path.
"""
