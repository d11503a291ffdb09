import { get } from 'node:http';

const REQUEST_TIMEOUT_MS = 2_000;

/** The sum of all samples with this name whose labels contain all of these texts, over several pages of metrics. */
export async function sumOfSamples(
  addresses: readonly string[],
  name: string,
  ...labels: readonly string[]
): Promise<number> {
  const pages = await Promise.all(addresses.map(metricsPage));
  return pages.reduce((sum, page) => sum + sumInPage(page, name, labels), 0);
}

/** One page of metrics, in Prometheus' text format. */
export function metricsPage(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(
      `http://${address}/metrics`,
      { timeout: REQUEST_TIMEOUT_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve(text));
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${address}/metrics did not answer`)));
    request.on('error', reject);
  });
}

/** {@link sumOfSamples} for one page. */
export function sumInPage(page: string, name: string, labels: readonly string[]): number {
  let sum = 0;
  for (const line of page.split('\n')) {
    const next = line[name.length];
    if (!line.startsWith(name) || (next !== ' ' && next !== '{')) continue;
    if (labels.every((label) => line.includes(label))) {
      sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
  }
  return sum;
}
