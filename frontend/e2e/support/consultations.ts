import type { Locator, Page } from '@playwright/test';
import { expect } from '../story.ts';

/** Fills in the request for a consultation, which is open, and goes on to the own consultations. */
export async function requestConsultation(page: Page, day: string): Promise<void> {
  await page.getByLabel('원하는 날').fill(day);
  await page.getByLabel('하고 싶은 이야기').fill('오전에 연락 주세요');
  await page.getByRole('button', { name: /신청$/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/신청했어요/);
  await page.getByRole('link', { name: '내 상담 보기' }).click();
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
