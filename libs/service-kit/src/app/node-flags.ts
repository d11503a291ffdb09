/**
 * Flags of Node with which our servers run, wherever they are started: by `raftway up`, in a container, in a benchmark.
 *
 * V8's young generation takes up to three times `--max-semi-space-size` (MiB), and by default more the more memory the machine has. What
 * our servers allocate lives for one call, so that a small one is enough: measured, throughput stays the same, and a replica with a million
 * applied entries takes 60 to 80 MiB less (docs/reference/benchmarks.md).
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8'];
