"""Who somebody is: passwords, codes and providers prove it, sessions and tokens remember it."""
