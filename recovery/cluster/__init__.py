"""What the nodes say: manifests, disks, tools, containers, members, the Kubernetes side."""
