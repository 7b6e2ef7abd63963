import { expect, newPhone, personOf, post, signIn, signInByCode, test } from './story.ts';
import { dayFromToday } from './support/days.ts';
import { openProgramme } from './support/programmes.ts';
import { signInByCodeOnPage } from './support/sign-in.ts';

test('a customer whose session ends while typing signs in over the form', async ({
  page,
  newVisitor,
  playwright,
}) => {
  const programme = await openProgramme(playwright.request);
  const phone = newPhone();
  await signInByCode(page.request, phone);
  const other = await newVisitor();
  await signInByCode(other.request, phone);
  await page.goto(`/customer/projects/${programme.id}/consultation`);
  await page.getByLabel('원하는 날').fill(dayFromToday(9));
  await page.getByLabel('하고 싶은 이야기').fill('반쯤 쓴 이야기예요');

  await post(other.request, '/api/auth/sign-out-everywhere');
  const sheet = page.getByRole('dialog', { name: '다시 로그인해 주세요' });
  await page.getByRole('button', { name: /신청$/ }).click();
  await expect(sheet).toBeVisible();
  await expect(page.getByLabel('하고 싶은 이야기')).toHaveValue('반쯤 쓴 이야기예요');

  await signInByCodeOnPage(page, phone);
  await expect(sheet).toBeHidden();

  await expect(page.getByLabel('하고 싶은 이야기')).toHaveValue('반쯤 쓴 이야기예요');
  await page.getByRole('button', { name: /신청$/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('신청했어요');
  await page.goto('/customer/consultations');
  await page.getByText('지나온 과정').click();
  await expect(page.getByText('반쯤 쓴 이야기예요')).toBeVisible();
});

test('staff whose session ends while typing sign in over the form', async ({
  page,
  context,
  playwright,
}) => {
  const programme = await openProgramme(playwright.request);
  const staff = personOf('staff');
  await signIn(page.request, staff);
  await page.goto(`/staff/projects/${programme.id}/edit`);
  const host = page.getByLabel('수행기관');
  await host.fill('반쯤 쓴 기관');
  await context.clearCookies();
  await page.getByRole('button', { name: '저장', exact: true }).click();

  const sheet = page.getByRole('dialog', { name: '다시 로그인해 주세요' });
  await expect(host).toHaveValue('반쯤 쓴 기관');
  await expect(sheet).toBeVisible();
  await sheet.getByLabel('아이디').fill(staff.login);
  await sheet.getByLabel('비밀번호', { exact: true }).fill(staff.password);
  await sheet.getByRole('button', { name: '로그인', exact: true }).click();
  await expect(sheet).toBeHidden();

  await expect(page.getByText('로그아웃됐어요')).toBeHidden();
  await expect(host).toHaveValue('반쯤 쓴 기관');
  await page.getByRole('button', { name: '저장', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/staff/projects/${programme.id}$`));
  await expect(page.getByRole('main')).toContainText('반쯤 쓴 기관');
});
