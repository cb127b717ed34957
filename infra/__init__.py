"""The CDK app: what Sluice is made of on AWS. It reads `sluice.settings`, `sluice.endpoints` and
`sluice.metrics`, nothing else of it."""
