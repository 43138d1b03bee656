"""Flash sales: some units of a variant for a lower price, for a while."""
