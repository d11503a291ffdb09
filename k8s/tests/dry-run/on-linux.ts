import { describeWith } from '@raftway/spec-needs';

/** Describes what pods do that have loopback addresses of their own: only Linux has all of 127.0.0.0/8 without further ado. */
export const describeOnLinux = describeWith({
  missing: process.platform === 'linux' ? undefined : 'this is no Linux',
});
