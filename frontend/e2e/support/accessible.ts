import type { ConsoleMessage, Page } from '@playwright/test';
import type { AxeResults, RunOptions } from 'axe-core';
import { createRequire } from 'node:module';
import { expect } from '../story.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'];

/** A phone and a desk. */
const WIDTHS = [360, 1440];
const HEIGHT = 800;

/** The narrowest screen, or 400 % zoom on a desk. */
const NARROWEST = 320;

/**
 * Looks at pages as the checks of accessibility do, and collects what is wrong with them, so that
 * one run names all of it.
 */
export class Inspection {
  readonly faults: string[] = [];
  readonly #page: Page;
  #where = '';
  #allowsRefusals = false;

  private constructor(page: Page) {
    this.#page = page;
  }

  /** Begins before the page is opened. */
  static async of(page: Page): Promise<Inspection> {
    const inspection = new Inspection(page);
    await page.addInitScript({ path: AXE });
    await page.emulateMedia({ colorScheme: 'light' });
    page.on('pageerror', (error) => inspection.#add(`error: ${error.message}`));
    page.on('console', (message) => inspection.#hear(message));
    return inspection;
  }

  /** Answers that refuse are part of what is looked at from now on. */
  expectRefusals(): void {
    this.#allowsRefusals = true;
  }

  /** Opens an address and inspects the view once its content is there. */
  async visit(address: string): Promise<void> {
    this.#where = address;
    await this.#page.goto(address);
    await this.inspect(address);
  }

  /** Inspects what the page shows now: each width in light and dark. */
  async inspect(where: string): Promise<void> {
    const page = this.#page;
    this.#where = where;
    await expect(page.locator('h1')).not.toHaveCount(0);
    await expect(page.locator('.skeleton')).toHaveCount(0);
    const head = await page.evaluate(() => {
      // A colour on its way to another one has a contrast of its own.
      const still = new CSSStyleSheet();
      still.replaceSync('* { transition: none !important; animation: none !important }');
      document.adoptedStyleSheets = [still];
      return {
        h1: document.querySelectorAll('h1').length,
        title: document.title,
        lang: document.documentElement.lang,
      };
    });
    if (head.h1 !== 1) this.#add(`${String(head.h1)} h1`);
    if (!/^\S.* · KT\.GG$|^KT\.GG$/.test(head.title)) this.#add(`title "${head.title}"`);
    if (head.lang !== 'ko') this.#add(`lang "${head.lang}"`);
    await this.#checkWidth(NARROWEST);
    for (const width of WIDTHS) {
      await this.#checkWidth(width);
      await this.#showAll(width);
      await this.#runAxe(`${String(width)} light`, { runOnly: TAGS });
      await page.emulateMedia({ colorScheme: 'dark' });
      // Nothing but the colours differs.
      await this.#runAxe(`${String(width)} dark`, { runOnly: ['color-contrast'] });
      await page.emulateMedia({ colorScheme: 'light' });
    }
  }

  async #checkWidth(width: number): Promise<void> {
    await this.#page.setViewportSize({ width, height: HEIGHT });
    const surplus = await this.#page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth - clientWidth;
    });
    if (surplus > 0) this.#add(`${String(surplus)} px wider than ${String(width)}`);
  }

  /** Grows the window to the whole page: what the menu of a phone covers can be scrolled to. */
  async #showAll(width: number): Promise<void> {
    const height = await this.#page.evaluate(() => document.documentElement.scrollHeight);
    await this.#page.setViewportSize({ width, height: Math.max(height, HEIGHT) });
  }

  async #runAxe(view: string, options: RunOptions): Promise<void> {
    const violations = await this.#page.evaluate(async (chosen) => {
      const { axe } = window as unknown as {
        axe: { run: (options: RunOptions) => Promise<AxeResults> };
      };
      const { violations } = await axe.run(chosen);
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, any }) => `${id}: ${target.join(' ')}: ${any[0]?.message ?? ''}`),
      );
    }, options);
    for (const violation of violations) this.#add(`${view}: ${violation}`);
  }

  #hear(message: ConsoleMessage): void {
    // The browser itself says so of each answer, also where the view expects it.
    const isRefusal = /the server responded with a status of [45]/.test(message.text());
    if (message.type() === 'error' && !(isRefusal && this.#allowsRefusals)) {
      this.#add(`console: ${message.text()}`);
    }
  }

  #add(fault: string): void {
    this.faults.push(`${this.#where}: ${fault}`);
  }
}
