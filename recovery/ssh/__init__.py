"""The one door to SSH: sessions, scripts, transfers, tunnels. Only this room imports asyncssh."""
