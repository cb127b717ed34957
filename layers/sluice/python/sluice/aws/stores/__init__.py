"""What the gateway keeps in DynamoDB: virtual keys, configuration versions, the ledger."""
