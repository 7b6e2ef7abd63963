import type { Locator } from '@playwright/test';
import { expect, newPhone, personOf, test } from './story.ts';
import { expectCounts, requestConsultation, stepOf } from './support/consultations.ts';
import { dayFromToday } from './support/days.ts';
import { countLoads } from './support/loads.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme } from './support/programmes.ts';
import { signInByCodeOnPage, signInByPasswordOnPage } from './support/sign-in.ts';

const PHONE_SCREEN = { viewport: { width: 360, height: 740 } };

test('three open pages follow a consultation from request to success', async ({
  newVisitor,
  playwright,
}) => {
  const programme = await openProgramme(playwright.request);
  const phone = newPhone();
  const salesman = await matchCustomer(playwright.request, phone, programme);

  const staffPage = await newVisitor();
  await staffPage.goto(`/staff/projects/${programme.id}`);
  await signInByPasswordOnPage(staffPage, personOf('staff'));
  await expect(staffPage.getByRole('heading', { name: programme.name })).toBeVisible();

  const salesPage = await newVisitor(PHONE_SCREEN);
  await salesPage.goto('/salesman/consultations');
  await signInByPasswordOnPage(salesPage, salesman);
  const waiting = salesPage.getByRole('link', { name: '승인 기다림' });
  const running = salesPage.getByRole('link', { name: '진행 중' });
  await expect(running).toHaveText(/\d/);
  const before = { waiting: await numberIn(waiting), running: await numberIn(running) };

  const customerPage = await newVisitor(PHONE_SCREEN);
  await customerPage.goto('/customer');
  const loads = [staffPage, salesPage, customerPage].map(countLoads);

  const appointment = salesPage.getByRole('listitem').filter({ hasText: programme.name });
  const card = customerPage.getByRole('article').filter({ hasText: programme.name });

  await test.step('The customer requests it', async () => {
    await customerPage.getByLabel('지원사업 검색').fill(programme.name);
    await customerPage.getByRole('link', { name: programme.name }).click();
    await customerPage.getByRole('link', { name: '상담 신청' }).click();
    await signInByCodeOnPage(customerPage, phone);
    await requestConsultation(customerPage, dayFromToday(10));
  });

  await test.step('The salesman and staff see it, and the customer who it is', async () => {
    await expect(appointment).toContainText(phone.slice(-4));
    await expect(waiting).toHaveText(new RegExp(`${String(before.waiting + 1)}$`));
    await expectCounts(staffPage, { applied: 1 });
    const row = staffPage.getByRole('row', { name: `고객 ····${phone.slice(-4)}` });
    await expect(row).toContainText('신청');
    await expect(row).toContainText(salesman.name);
    await expect(
      card.getByRole('link', { name: `${salesman.name} 영업대표에게 전화 걸기` }),
    ).toBeVisible();
    await expect(stepOf(card)).toHaveText(/신청/);
  });

  await test.step('The salesman approves it', async () => {
    await appointment.getByRole('button', { name: '승인' }).click();
    await expect(salesPage.getByText('상담을 승인했어요')).toBeVisible();
    await expect(waiting).toHaveText(new RegExp(`${String(before.waiting)}$`));
    await expect(running).toHaveText(new RegExp(`${String(before.running + 1)}$`));
    await expect(stepOf(card)).toHaveText(/승인/);
    await expectCounts(staffPage, { approved: 1 });
  });

  await test.step('The salesman closes it as a success', async () => {
    await salesPage.getByRole('link', { name: '내 실적' }).click();
    const succeeded = salesPage.getByRole('region', { name: '내 숫자' }).getByRole('definition');
    const count = await numberIn(succeeded.first());
    await salesPage.goBack();
    await running.click();
    await appointment.getByRole('button', { name: '성공' }).click();
    const dialog = salesPage.getByRole('dialog', { name: '성공으로 마칠까요?' });
    await dialog.getByRole('button', { name: '성공으로 마치기' }).click();
    // A joiner keeps the particle on the line of its word.
    await expect(salesPage.getByText(/상담을 성공\u2060?으로 마쳤어요/)).toBeVisible();
    await expect(stepOf(card)).toHaveText(/성공/);
    await expect(customerPage.getByRole('region', { name: '끝난 상담 1건' })).toBeVisible();
    await expectCounts(staffPage, { succeeded: 1 });
    await salesPage.getByRole('link', { name: '내 실적' }).click();
    await expect(succeeded.first()).toHaveText(`${String(count + 1)}건`);
  });

  expect(loads.map((count) => count())).toEqual([0, 0, 0]);
});

/** The number in a text that has one. */
async function numberIn(locator: Locator): Promise<number> {
  return Number(/\d+/.exec(await locator.innerText())?.[0]);
}
