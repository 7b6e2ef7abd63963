import type { Page } from '@playwright/test';

/** After this long a page is taken to be complete, in milliseconds. Its stream never ends. */
const LOADED = 2_000;
/** After this long the browser has reported the last interaction, in milliseconds. */
const SETTLED = 800;

interface Observed {
  lcp: number;
  cls: number;
  /** What moved, to mend it. */
  moved: string[];
  /** The slowest interaction since it was read the last time. */
  interaction: number;
}
export type Load = Pick<Observed, 'lcp' | 'cls' | 'moved'> & { fonts: number };

/** An entry of `layout-shift`, which TypeScript does not have. */
interface Shift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Node | null }[];
}
type Observing = Window & typeof globalThis & { observed: Observed };

/** Begins to observe what the browser tells of the speed of this page. */
export async function observe(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const observed: Observed = { lcp: 0, cls: 0, moved: [], interaction: 0 };
    Object.assign(window, { observed });
    const follow = (type: string, take: (entry: PerformanceEntry) => void, options = {}): void => {
      const observer = new PerformanceObserver((list) => list.getEntries().forEach(take));
      observer.observe({ type, buffered: true, ...options });
    };
    follow('largest-contentful-paint', (entry) => {
      observed.lcp = entry.startTime;
    });
    follow('layout-shift', (entry) => {
      const { value, hadRecentInput, sources } = entry as Shift;
      if (hadRecentInput) return;
      observed.cls += value;
      for (const { node } of sources) {
        const element = node instanceof Element ? node : node?.parentElement;
        observed.moved.push(`${value.toFixed(3)} ${element?.tagName} ${element?.className}`);
      }
    });
    const answer = (entry: PerformanceEntry): void => {
      const { interactionId } = entry as PerformanceEntry & { interactionId: number };
      if (interactionId) observed.interaction = Math.max(observed.interaction, entry.duration);
    };
    follow('event', answer, { durationThreshold: 16 });
  });
}

/** What was observed of a load, and the bytes of the fonts in it. */
export async function loadsOf(page: Page): Promise<Load> {
  await page.getByRole('main').waitFor();
  await page.waitForTimeout(LOADED);
  return page.evaluate(() => {
    const { lcp, cls, moved } = (window as unknown as Observing).observed;
    const resources = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    const fonts = resources.filter(({ name }) => name.endsWith('.woff2'));
    return { lcp, cls, moved, fonts: fonts.reduce((sum, font) => sum + font.encodedBodySize, 0) };
  });
}

/** The slowest interaction since the last call, in milliseconds; 0 for less than 16. */
export async function slowest(page: Page): Promise<number> {
  await page.waitForTimeout(SETTLED);
  return page.evaluate(() => {
    const { observed } = window as unknown as Observing;
    const { interaction } = observed;
    observed.interaction = 0;
    return interaction;
  });
}

/** Notes when each row with these words was painted, in order, as milliseconds since 1970. */
export async function watchRows(page: Page, words: string): Promise<void> {
  await page.addInitScript((needle) => {
    const painted: number[] = [];
    Object.assign(window, { painted });
    const look = (): void => {
      const rows = [...document.querySelectorAll('tbody tr')];
      const found = rows.filter((row) => row.textContent.includes(needle)).length;
      while (painted.length < found) {
        const index = painted.push(0) - 1;
        // A task after the frame's callbacks runs when the frame was painted.
        requestAnimationFrame(() => {
          setTimeout(() => {
            painted[index] = performance.timeOrigin + performance.now();
          });
        });
      }
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
  }, words);
}

export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
