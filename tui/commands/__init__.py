"""The commands of `etcd-rescue`, one module a command; each has `add(…)` and an async `run`."""
