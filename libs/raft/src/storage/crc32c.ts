/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), as iSCSI, ext4 and etcd's WAL use it. Node's zlib.crc32 is the other polynomial
 * (IEEE 802.3), which detects fewer multi-bit errors in records of our size; there is no native one, so this is the table method,
 * eight bytes a step (Kounavis and Berry, "slicing-by-8").
 */
const POLYNOMIAL = 0x82f63b78;

const TABLES = buildTables();

function buildTables(): readonly Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  const [first] = tables as [Int32Array];
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc;
  }
  for (let slice = 1; slice < 8; slice++) {
    const previous = tables[slice - 1] as Int32Array;
    const table = tables[slice] as Int32Array;
    for (let byte = 0; byte < 256; byte++) {
      const crc = previous[byte] as number;
      table[byte] = (crc >>> 8) ^ (first[crc & 0xff] as number);
    }
  }
  return tables;
}

/**
 * The CRC-32C of bytes, as an unsigned 32-bit number.
 *
 * @param seed the CRC of what came before, to continue it. Default 0.
 */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let crc = ~seed;
  let at = 0;
  const blocksEnd = bytes.length - (bytes.length % 8);
  for (; at < blocksEnd; at += 8) {
    const low =
      crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
