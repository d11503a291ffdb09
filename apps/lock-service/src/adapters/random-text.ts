import { randomBytes } from 'node:crypto';

/** 96 random bits in 16 characters: names a call, and makes ids hard to guess. */
export function randomText(): string {
  return randomBytes(12).toString('base64url');
}
