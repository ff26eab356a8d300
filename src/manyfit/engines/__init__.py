"""What advances populations: one protocol, one loop, several engines that give the same results."""
