import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type PageAnswer, type PageCall } from './page';

const executable = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** A headless Chromium with one page of an origin of its own. */
export class CallingPage {
  private constructor(
    private readonly server: Server,
    private readonly browser: Browser,
    readonly page: Page,
    readonly origin: string,
  ) {}

  static async open(): Promise<CallingPage> {
    const script = await bundle();
    const server = createServer((request, response) => {
      const isScript = request.url === '/page.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const path = spawnSync('sh', ['-c', `command -v ${executable}`])
      .stdout.toString()
      .trim();
    const browser = await chromium.launch({
      executablePath: path,
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    });
    // The certificates of specs are of an authority of their own.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(origin);
    return new CallingPage(server, browser, page, origin);
  }

  /** Has the page make a call. */
  call(asked: PageCall): Promise<PageAnswer> {
    return this.page.evaluate((given) => {
      const { call } = globalThis as unknown as { call(one: PageCall): Promise<PageAnswer> };
      return call(given);
    }, asked);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.close();
  }
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(__dirname, 'page.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}
