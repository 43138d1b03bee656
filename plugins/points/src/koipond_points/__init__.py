"""Points: what members have on the ledger in this unit, filled by rewards, corrected by staff."""
