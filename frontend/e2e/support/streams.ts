import type { BrowserContext, Page, Request } from '@playwright/test';

/** The live streams of a browser. */
export interface Streams {
  /** The tabs that have a stream open. */
  tabs: () => Page[];
}

/** Follows which tabs of a browser open and close a live stream from now on. */
export function watchStreams(context: BrowserContext): Streams {
  const open = new Set<Request>();
  context.on('request', (request) => {
    if (new URL(request.url()).pathname === '/api/stream') open.add(request);
  });
  context.on('requestfinished', (request) => open.delete(request));
  context.on('requestfailed', (request) => open.delete(request));
  return {
    // The end of a request of a closed tab is not reported.
    tabs: () => [...open].map((it) => it.frame().page()).filter((page) => !page.isClosed()),
  };
}

/**
 * Freezes a tab, as a browser does with tabs in the background to save power: none of its scripts
 * run, and its locks and connections stay. `Page.setWebLifecycleState` does not freeze a tab that
 * Playwright keeps visible; a pause of the debugger does.
 *
 * @returns what thaws it.
 */
export async function freeze(page: Page): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Debugger.enable');
  const paused = new Promise((resolve) => session.once('Debugger.paused', resolve));
  await session.send('Debugger.pause');
  await paused;
  return async () => {
    await session.send('Debugger.resume');
    await session.detach();
  };
}
