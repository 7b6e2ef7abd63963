import type { APIRequest, BrowserContextOptions, Page } from '@playwright/test';
import { expect, newPhone, personOf, test } from '../story.ts';
import { expectAccessible } from './axe.ts';
import { expectCounts, requestConsultation, stepOf } from './consultations.ts';
import type { Hands } from './hands.ts';
import { countLoads } from './loads.ts';
import { matchCustomer } from './matches.ts';
import { openProgramme } from './programmes.ts';
import { signInByCodeOnPage, signInByPasswordOnPage } from './sign-in.ts';

/** What the story of a consultation needs. */
interface Setting {
  newVisitor: (options?: BrowserContextOptions) => Promise<Page>;
  requests: APIRequest;
  hands: Hands;
  /** The browser of staff; that of the others is a small phone's. */
  staffBrowser?: BrowserContextOptions;
}

export const PHONE = { viewport: { width: 360, height: 740 } };

/**
 * The story of a consultation from its request to its success, on the open pages of the customer,
 * the salesman and staff. No page is loaded again.
 */
export async function followConsultation(setting: Setting): Promise<void> {
  const { newVisitor, requests, hands } = setting;
  const programme = await openProgramme(requests);
  const phone = newPhone();
  const salesman = await matchCustomer(requests, phone, programme);

  const staffPage = await newVisitor(setting.staffBrowser);
  await staffPage.goto(`/staff/projects/${programme.id}`);
  await signInByPasswordOnPage(staffPage, personOf('staff'), hands);
  await expect(staffPage.getByRole('heading', { name: programme.name })).toBeVisible();

  const salesPage = await newVisitor(PHONE);
  await salesPage.goto('/salesman/consultations');
  await signInByPasswordOnPage(salesPage, salesman, hands);
  const appointment = salesPage.getByRole('listitem').filter({ hasText: programme.name });
  const waiting = salesPage.getByRole('link', { name: '승인 기다림' });
  const running = salesPage.getByRole('link', { name: '진행 중' });
  await expect(running).toHaveText(/\d/);
  const before = await countsOf(salesPage);

  const customerPage = await newVisitor(PHONE);
  await customerPage.goto('/customer');
  const card = customerPage.getByRole('article').filter({ hasText: programme.name });
  const pages = [staffPage, salesPage, customerPage];
  const loads = pages.map(countLoads);

  await test.step('The customer requests it', async () => {
    await hands.type(customerPage.getByLabel('지원사업 검색'), programme.name);
    await hands.press(customerPage.getByRole('link', { name: programme.name }));
    await hands.press(customerPage.getByRole('link', { name: '상담 신청' }));
    await signInByCodeOnPage(customerPage, phone, hands);
    await requestConsultation(customerPage, hands);
  });

  await test.step('The salesman and staff see it, and the customer who it is', async () => {
    await expect(appointment).toContainText(phone.slice(-4));
    await expect(waiting).toHaveText(endsWith(before.waiting + 1));
    await expectCounts(staffPage, { applied: 1 });
    const row = staffPage.getByRole('row', { name: `고객 ····${phone.slice(-4)}` });
    await expect(row).toContainText('신청');
    await expect(row).toContainText(salesman.name);
    const call = `${salesman.name} 영업대표에게 전화 걸기`;
    await expect(card.getByRole('link', { name: call })).toBeVisible();
    await expect(stepOf(card)).toHaveText(/신청/);
    for (const page of pages) await expectAccessible(page);
  });

  await test.step('The salesman approves it', async () => {
    await hands.press(appointment.getByRole('button', { name: '승인' }));
    await expect(salesPage.getByText('상담을 승인했어요')).toBeVisible();
    await expect(waiting).toHaveText(endsWith(before.waiting));
    await expect(running).toHaveText(endsWith(before.running + 1));
    await expect(stepOf(card)).toHaveText(/승인/);
    await expectCounts(staffPage, { approved: 1 });
    for (const page of pages) await expectAccessible(page);
  });

  await test.step('The salesman closes it as a success', async () => {
    await hands.press(running);
    await hands.press(appointment.getByRole('button', { name: '성공' }));
    const dialog = salesPage.getByRole('dialog', { name: '성공으로 마칠까요?' });
    await hands.press(dialog.getByRole('button', { name: '성공으로 마치기' }));
    // A joiner keeps the particle on the line of its word.
    await expect(salesPage.getByText(/상담을 성공\u2060?으로 마쳤어요/)).toBeVisible();
    await expect(running).toHaveText(endsWith(before.running));
    await expect(stepOf(card)).toHaveText(/성공/);
    await expect(customerPage.getByRole('region', { name: '끝난 상담 1건' })).toBeVisible();
    await expectCounts(staffPage, { succeeded: 1 });
    await hands.press(salesPage.getByRole('link', { name: '내 실적' }));
    const numbers = salesPage.getByRole('region', { name: '내 숫자' }).getByRole('definition');
    await expect(numbers.first()).toHaveText(`${String(before.succeeded + 1)}건`);
    for (const page of pages) await expectAccessible(page);
  });

  expect(loads.map((count) => count())).toEqual([0, 0, 0]);
}

/** The counts of a salesman, who has other customers too. */
async function countsOf({ request }: Page): Promise<Record<Counted, number>> {
  const [counts, me] = await Promise.all([
    request.get('/api/consultations/counts'),
    request.get('/api/salesmen/me'),
  ]);
  const { apply, approved } = (await counts.json()) as { apply: number; approved: number };
  const { successCount } = (await me.json()) as { successCount: number };
  return { waiting: apply, running: approved, succeeded: successCount };
}

type Counted = 'waiting' | 'running' | 'succeeded';

function endsWith(count: number): RegExp {
  return new RegExp(`\\D${String(count)}$`);
}
