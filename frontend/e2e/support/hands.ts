import type { Locator, Page } from '@playwright/test';
import { expect } from '../story.ts';

/** How a person works a page. */
export interface Hands {
  /** Presses a button, or follows a link. */
  press: (target: Locator) => Promise<void>;
  type: (target: Locator, text: string) => Promise<void>;
  check: (target: Locator) => Promise<void>;
  /** Chooses the day a week from today in the calendar that a button opens. */
  chooseNextWeek: (opener: Locator) => Promise<void>;
}

/** A day in the calendar is named by all its parts; today has the word after it. */
const TODAY = { name: /, 오늘/ };

/** A mouse or a finger. */
export const pointer: Hands = {
  press: (target) => target.click(),
  type: (target, text) => target.fill(text),
  check: (target) => target.check(),
  chooseNextWeek: async (opener) => {
    await opener.click();
    const days = opener.page().getByRole('dialog', { name: '달력' }).getByRole('button');
    const names = await days.evaluateAll((all) => all.map((it) => it.textContent));
    await days.nth(names.findIndex((name) => TODAY.name.test(name)) + 7).click();
  },
};

/** Keys only: the focus is moved by Tab alone. */
export const keyboard: Hands = {
  press: async (target) => {
    await tabTo(target);
    await target.page().keyboard.press('Enter');
  },
  type: async (target, text) => {
    await tabTo(target);
    await target.page().keyboard.type(text);
  },
  check: async (target) => {
    await tabTo(target);
    await target.page().keyboard.press('Space');
    await expect(target).toBeChecked();
  },
  chooseNextWeek: async (opener) => {
    await keyboard.press(opener);
    const { keyboard: keys } = opener.page();
    const dialog = opener.page().getByRole('dialog', { name: '달력' });
    await expect(dialog.getByRole('button', TODAY)).toBeFocused();
    await keys.press('ArrowDown');
    await expect(dialog.getByRole('button', TODAY)).not.toBeFocused();
    await keys.press('Enter');
    await expect(dialog).toBeHidden();
  },
};

/** More than the elements of any view that Tab reaches. */
const MOST_TABS = 150;

/** The pages whose focus was moved before. */
const walked = new WeakSet<Page>();

/**
 * Moves the focus to an element by Tab, unless it has it.
 *
 * @throws if Tab does not reach it, if something hides it there, or if the last act lost the focus.
 */
async function tabTo(target: Locator): Promise<void> {
  await target.waitFor({ state: 'attached' });
  const page = target.page();
  // Where nothing has the focus, a screen reader begins to read the page from its start.
  if (walked.has(page)) await expect(page.locator('body')).not.toBeFocused();
  walked.add(page);
  for (let presses = 0; presses <= MOST_TABS; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      await expect.poll(() => target.evaluate(isUncovered), String(target)).toBe(true);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${String(target)}`);
}

/** Whether an element, or the label seen instead of it, is on the screen and not covered. */
function isUncovered(element: Element): boolean {
  const seen = (element.matches('input') && element.closest('label')) || element;
  const [box] = seen.getClientRects();
  if (!box) return false;
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return top !== null && seen.contains(top);
}
