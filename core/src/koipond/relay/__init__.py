"""Relay: a broker is told of every event, for whoever listens there; the extra koipond[nats]."""
