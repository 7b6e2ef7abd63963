import { expect, newPhone, personOf, signIn, signInByCode, test } from './story.ts';
import { countLoads } from './support/loads.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme } from './support/programmes.ts';

test('a customer who erases their data is gone from all open pages', async ({
  page,
  newVisitor,
  playwright,
}) => {
  const programme = await openProgramme(playwright.request);
  const phone = newPhone();
  const salesman = await matchCustomer(playwright.request, phone, programme);
  await signInByCode(page.request, phone);

  const salesmanPage = await newVisitor({ viewport: { width: 360, height: 740 } });
  await signIn(salesmanPage.request, salesman);
  await salesmanPage.goto('/salesman/customers');
  const staffPage = await newVisitor();
  await signIn(staffPage.request, personOf('staff'));
  await staffPage.goto(`/staff/projects/${programme.id}`);
  const lastFour = phone.slice(-4);
  await expect(salesmanPage.getByText(programme.name)).toBeVisible();
  await expect(staffPage.getByText(lastFour)).toBeVisible();
  const loads = [countLoads(salesmanPage), countLoads(staffPage)];

  await page.goto('/customer/me');
  await page.getByRole('button', { name: '내 기록 모두 지우기' }).click();
  const sheet = page.getByRole('dialog');
  await expect(sheet).toContainText('관심사업 1건과 알림');
  await sheet.getByRole('button', { name: '모두 지우기' }).click();
  await expect(sheet).toContainText('「지우기」라고 적어 주세요.');
  await sheet.getByLabel('확인을 위해').fill('지우기');
  await sheet.getByRole('button', { name: '모두 지우기' }).click();
  await expect(page).toHaveURL('/');
  await expect(page.getByText('내 기록을 지우기 시작했어요')).toBeVisible();

  await expect(salesmanPage.getByText(programme.name)).toBeHidden();
  await expect(staffPage.getByText(lastFour)).toBeHidden();
  expect(loads.map((count) => count())).toEqual([0, 0]);
  await page.goto('/customer/me');
  await expect(page).toHaveURL(/\/sign-in/);
});
