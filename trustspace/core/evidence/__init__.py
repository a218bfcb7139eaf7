"""What a contract and its exchange leave behind, so that a third party can check it years later (存证)."""
