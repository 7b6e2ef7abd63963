import type { Locator, Page } from '@playwright/test';
import { expect } from '../story.ts';
import { pointer, type Hands } from './hands.ts';

/** Requests a consultation a week from today in the open form, and goes on to the list. */
export async function requestConsultation(page: Page, hands: Hands = pointer): Promise<void> {
  await hands.chooseNextWeek(page.getByRole('button', { name: '달력 열기' }));
  await hands.type(page.getByLabel('하고 싶은 이야기'), '오전에 연락 주세요');
  await hands.press(page.getByRole('button', { name: /신청$/ }));
  const title = page.getByRole('heading', { level: 1 });
  await expect(title).toHaveText(/신청했어요/);
  await expect(title).toBeFocused();
  await hands.press(page.getByRole('link', { name: '내 상담 보기' }));
}

/** The step that a consultation has now, of its three stations on a card. */
export function stepOf(card: Locator): Locator {
  return card.locator('[aria-current="step"]');
}

/** Waits until staff see these consultations of an edition, by their present step. */
export async function expectCounts(
  page: Page,
  counts: { applied?: number; approved?: number; succeeded?: number },
): Promise<void> {
  const { applied = 0, approved = 0, succeeded = 0 } = counts;
  const sum = String(applied + approved + succeeded);
  const name = `상담 ${sum}건 ${[applied, approved, succeeded].join(' ')} 0 0`;
  await expect(page.getByRole('row', { name })).toBeVisible();
}
