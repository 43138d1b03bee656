"""What core does for plugins, by concept; each function says what it raises.

activities   publish a price for a variant and a while
quotas       count what can run out: units, seats, uses, limits
ledger       book what members have, in any unit: points, growth, money owed
approvals    ask whether staff may do something alone
orders       look at orders, hold and cancel them
messages     write to members, and carry what is written
rewards      give members something, whichever plugin gives it
stock        set units apart
channels     where it is sold
catalog      look at products and variants
members      look at members
"""
