"""Asking a lake that lies on a volume in a cluster: the command runs in a short pod that mounts it.

The user's kubectl speaks to the cluster, and nothing else here does: it is there, because this
is its plugin, it has the user's login with all that belongs to it (tokens, single sign-on,
proxies), and it carries standard output, standard error and the exit code of a command apart.
The kubernetes package would need its own WebSockets for that.
"""
