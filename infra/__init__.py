"""The CDK app: what Sluice is made of on AWS. It reads `sluice.settings` and `sluice.endpoints`, nothing else of it."""
