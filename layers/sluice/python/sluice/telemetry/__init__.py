"""What a request tells the outside: its trace, the spans made of its ledger entry, where they go, what is masked."""
