"""One node of the rehearsal cluster: kubelet, container runtime, and the commands on its PATH."""
