export default function generator(): void { throw new Error('x'); }
