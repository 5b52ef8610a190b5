"""How live objects leave the kernel: what is reached, the same bytes in every kernel, and the way to what cannot leave."""
