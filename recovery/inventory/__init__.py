"""The cluster file: which nodes a cluster has and how to reach them."""
