"""WeChat: who opens the shop's mini program is known by what WeChat says of their code."""
