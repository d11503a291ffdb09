/*
 * The Huffman code of RFC 7541 Appendix B.
 *
 * The code is canonical: among codes of one length, order is that of the symbols, and each length goes on where the one before it ended. So the
 * lengths are enough, and the codes are counted out of them. Decoding walks a table four bits at a time: no code is
 * shorter than five bits, so one step yields at most one symbol.
 */
import { http2Code } from '../../http2-codes';
import { ConnectionError } from '../connection-error';

/** Length in bits of each octet's code; the last one is EOS. */
const codeBits: readonly number[] = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  ...[28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ...[6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  ...[5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  ...[13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  ...[7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  ...[15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  ...[6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  ...[20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  ...[24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  ...[21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  ...[26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  ...[19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  ...[20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  ...[26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  30,
];

const endOfString = 256;
const bitsMax = 30;
/** Padding is shorter than an octet (RFC 7541 §5.2). */
const paddingBitsMax = 7;

/** One step of the table: the next node above, then a flag, then the symbol. */
const symbolFlag = 0x100;
const nodeShift = 9;
const broken = -1;

const { steps, mayEnd } = buildSteps();
let scratch = Buffer.allocUnsafe(1024);

/**
 * Decodes a Huffman-coded string to latin1.
 *
 * @throws ConnectionError COMPRESSION_ERROR for EOS, and for padding that is too long or not all ones (RFC 7541 §5.2)
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  // The shortest code has five bits, so that n octets hold at most 8n/5 symbols.
  const lengthMax = Math.ceil(((end - start) * 8) / 5);
  if (scratch.length < lengthMax) scratch = Buffer.allocUnsafe(lengthMax * 2);
  const target = scratch;
  let length = 0;
  let node = 0;
  for (let position = start; position < end; position += 1) {
    const octet = bytes[position] ?? 0;
    const high = steps[(node << 4) | (octet >> 4)] ?? broken;
    if (high < 0) throw malformed();
    if ((high & symbolFlag) !== 0) target[length++] = high & 0xff;
    const low = steps[((high >> nodeShift) << 4) | (octet & 15)] ?? broken;
    if (low < 0) throw malformed();
    if ((low & symbolFlag) !== 0) target[length++] = low & 0xff;
    node = low >> nodeShift;
  }
  if (mayEnd[node] !== 1) throw malformed();
  return target.toString('latin1', 0, length);
}

function malformed(): ConnectionError {
  return new ConnectionError(http2Code.compressionError, 'malformed Huffman code');
}

/** The codes' tree as pairs of children: a node (not negative), or `~symbol`. Nodes are numbered from the root, 0. */
function buildTree(): number[] {
  const children: number[] = [0, 0];
  let code = 0;
  for (let bits = 1; bits <= bitsMax; bits += 1) {
    code *= 2;
    for (let symbol = 0; symbol <= endOfString; symbol += 1) {
      if (codeBits[symbol] !== bits) continue;
      let node = 0;
      for (let bit = bits - 1; bit > 0; bit -= 1) {
        const slot = 2 * node + ((code >>> bit) & 1);
        // The root is nobody's child, so that 0 means "none yet".
        if (children[slot] === 0) {
          children[slot] = children.length / 2;
          children.push(0, 0);
        }
        node = children[slot] ?? 0;
      }
      children[2 * node + (code & 1)] = ~symbol;
      code += 1;
    }
  }
  return children;
}

function buildSteps(): { steps: Int32Array; mayEnd: Uint8Array } {
  const children = buildTree();
  const nodes = children.length / 2;
  const table = new Int32Array(nodes * 16);
  for (let node = 0; node < nodes; node += 1)
    for (let nibble = 0; nibble < 16; nibble += 1)
      table[node * 16 + nibble] = stepOf(children, node, nibble);
  const ends = new Uint8Array(nodes);
  // A string may end at a boundary, or in a run of ones, which is how EOS begins.
  let node = 0;
  for (let bits = 0; bits <= paddingBitsMax; bits += 1) {
    ends[node] = 1;
    node = children[2 * node + 1] ?? 0;
  }
  return { steps: table, mayEnd: ends };
}

function stepOf(children: readonly number[], from: number, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const next = children[2 * node + ((nibble >> bit) & 1)] ?? 0;
    if (next >= 0) {
      node = next;
      continue;
    }
    if (~next === endOfString) return broken;
    emitted = symbolFlag | ~next;
    node = 0;
  }
  return (node << nodeShift) | emitted;
}
