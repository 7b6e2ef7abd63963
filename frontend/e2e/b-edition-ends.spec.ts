import { expect, newPhone, personOf, signIn, signInByCode, test } from './story.ts';
import { dayFromToday } from './support/days.ts';
import { countLoads } from './support/loads.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme } from './support/programmes.ts';

test('staff end a programme, and open pages tell who follows it', async ({
  newVisitor,
  playwright,
}) => {
  const programme = await openProgramme(playwright.request);
  const nextYear = `${String(Number(dayFromToday(0).slice(0, 4)) + 1)}년`;
  const [phone, otherPhone] = [newPhone(), newPhone()];
  const salesman = await matchCustomer(playwright.request, phone, programme);
  await matchCustomer(playwright.request, otherPhone, programme);

  const staffPage = await newVisitor();
  await signIn(staffPage.request, personOf('staff'));
  await staffPage.goto(`/staff/projects/${programme.id}`);

  const salesPage = await newVisitor();
  await signIn(salesPage.request, salesman);
  await salesPage.goto('/salesman/notifications');
  const salesNews = salesPage.getByRole('listitem').filter({ hasText: programme.name });
  await expect(salesNews.first()).toContainText('관심사업을 맡았어요');

  const customerPage = await newVisitor();
  await signInByCode(customerPage.request, phone);
  await customerPage.goto('/customer/notifications');
  const badge = customerPage.getByRole('link', { name: '알림 안 읽은 알림' }).first();

  const otherPage = await newVisitor();
  await signInByCode(otherPage.request, otherPhone);
  await otherPage.goto(`/customer/projects/${programme.id}`);
  await expect(otherPage.getByRole('link', { name: '상담 신청' }).first()).toBeVisible();
  const loads = [staffPage, salesPage, customerPage, otherPage].map(countLoads);

  await test.step('Staff read what ending does, and end it', async () => {
    await staffPage.getByRole('button', { name: '종료' }).click();
    const dialog = staffPage.getByRole('dialog', { name: '이 사업을 종료할까요?' });
    await expect(dialog).toContainText(`${nextYear} 예정 공고가 저절로 생겨요`);
    await expect(dialog).toContainText('관심을 누른 고객 2명');
    await dialog.getByRole('button', { name: '종료하기' }).click();
    await expect(dialog).toBeHidden();
  });

  await test.step("The next year's edition appears on the page of staff", async () => {
    const states = staffPage.getByRole('list', { name: '상태' });
    await expect(states.locator('[aria-current="step"]')).toContainText('종료');
    const editions = staffPage.getByRole('region', { name: '해마다의 공고' });
    await expect(editions.getByRole('listitem').filter({ hasText: nextYear })).toContainText(
      '예정',
    );
  });

  await test.step('A customer and the salesman are notified', async () => {
    const news = customerPage.getByRole('listitem').filter({ hasText: programme.name });
    await expect(news.filter({ hasText: '접수가 끝났어요' })).toHaveCount(1);
    await expect(news.filter({ hasText: '다음 공고를 준비하고 있어요' })).toHaveCount(1);
    await expect(badge).toBeVisible();
    await expect(salesNews.filter({ hasText: '사업이 종료됐어요' })).toHaveCount(1);
  });

  await test.step('Another customer, who reads about it, can go to the next edition', async () => {
    await expect(otherPage.getByText('이 공고는 종료됐어요')).toBeVisible();
    await expect(otherPage.getByRole('link', { name: '상담 신청' })).toHaveCount(0);
    await otherPage.getByRole('link', { name: '다음 공고 보기' }).click();
    await expect(
      otherPage.getByRole('button', { name: '관심사업에 담았어요' }).first(),
    ).toBeVisible();
  });

  expect(loads.map((count) => count())).toEqual([0, 0, 0, 0]);
});
