import { expect, newPhone, personOf, signIn, signInByCode, test } from './story.ts';
import { expectCounts, requestConsultation, stepOf } from './support/consultations.ts';
import { countLoads } from './support/loads.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme } from './support/programmes.ts';

/** How long Kafka is away. */
const AWAY_MS = 10_000;

/** Longer than the longest delay before a reconnection. */
const RECONNECTED = { timeout: 60_000 };

test('pages say that they are not live, and miss nothing of the outage', async ({
  newVisitor,
  playwright,
  system,
}) => {
  const programme = await openProgramme(playwright.request);
  const phone = newPhone();
  const salesman = await matchCustomer(playwright.request, phone, programme);

  const staffPage = await newVisitor();
  await signIn(staffPage.request, personOf('staff'));
  await staffPage.goto(`/staff/projects/${programme.id}`);
  const salesPage = await newVisitor();
  await signIn(salesPage.request, salesman);
  await salesPage.goto('/salesman/consultations');
  const customerPage = await newVisitor();
  await signInByCode(customerPage.request, phone);
  await customerPage.goto(`/customer/projects/${programme.id}/consultation`);
  const pages = [staffPage, salesPage, customerPage];
  for (const page of pages) await expect(page.getByText('연결됨')).toBeVisible();
  const loads = pages.map(countLoads);
  const card = customerPage.getByRole('article').filter({ hasText: programme.name });

  let restarted: Promise<void> | undefined;
  await test.step('A request is taken while Kafka is away', async () => {
    await system.perform('stop', 'kafka');
    restarted = new Promise((resolve) => setTimeout(resolve, AWAY_MS)).then(() =>
      system.perform('start', 'kafka'),
    );
    await requestConsultation(customerPage);
    await expect(card).toContainText('담당자를 찾고 있어요');
  });

  await test.step('The gateway is gone, and the pages say so', async () => {
    await system.perform('kill', 'gateway');
    for (const page of pages) {
      await expect(page.getByText('다시 연결하고 있어요')).toBeVisible();
      await expect(page.getByText('다시 연결 중')).toBeVisible();
    }
    await expect(card).toContainText('담당자를 찾고 있어요');
  });

  await test.step('After both are back, the pages have what happened', async () => {
    await restarted;
    await system.perform('start', 'gateway');
    for (const page of pages) await expect(page.getByText('연결됨')).toBeVisible(RECONNECTED);
    for (const page of pages) await expect(page.getByText('다시 연결하고 있어요')).toBeHidden();
    await expect(
      card.getByRole('link', { name: `${salesman.name} 영업대표에게 전화 걸기` }),
    ).toBeVisible();
    await expectCounts(staffPage, { applied: 1 });
    const appointment = salesPage.getByRole('listitem').filter({ hasText: programme.name });
    await expect(appointment).toHaveCount(1);
    await appointment.getByRole('button', { name: '승인' }).click();
    await expect(stepOf(card)).toHaveText(/승인/);
    await expectCounts(staffPage, { approved: 1 });
  });

  await test.step('The salesman was notified once', async () => {
    await salesPage.getByRole('link', { name: /^오늘/ }).first().click();
    await salesPage.getByRole('link', { name: '알림 모두 보기' }).click();
    const news = salesPage.getByRole('listitem').filter({ hasText: programme.name });
    await expect(news.filter({ hasText: '상담을 맡았어요' })).toHaveCount(1);
  });

  expect(loads.map((count) => count())).toEqual([0, 0, 0]);
});
