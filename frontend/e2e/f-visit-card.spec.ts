import { expect, newPhone, personOf, signIn, test } from './story.ts';
import { dayFromToday } from './support/days.ts';
import { openProgramme } from './support/programmes.ts';

test.use({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

test('a salesman goes from the visit card to a matched consultation', async ({
  page,
  playwright,
}) => {
  const name = `제주 돌봄가게 ${String(Date.now()).slice(-6)}`;
  const programme = await openProgramme(playwright.request, {
    name: `${name} 판로 지원`,
    category: '내수',
    regions: ['제주'],
    target: name,
  });
  const phone = newPhone();
  await signIn(page.request, personOf('salesman'));
  await page.goto('/salesman');

  await test.step('The card has what fits the region, field and target group', async () => {
    await page.getByRole('link', { name: '방문 카드' }).first().click();
    await page.getByLabel('지역').selectOption('제주');
    await page.getByLabel('분야').selectOption('내수');
    await page.getByLabel('대상').fill(name);
    const card = page.getByRole('article', { name: `제주에 계신 ${name}께` });
    await expect(card.getByRole('heading', { name: programme.name })).toBeVisible();
    await expect(card).toContainText('이렇게 말해 보세요');
  });

  await test.step('An interest is entered with the consent of the customer', async () => {
    await page.getByRole('link', { name: `관심 등록: ${programme.name}` }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('그 자리에서 관심 등록');
    await expect(page.getByRole('checkbox', { name: programme.name })).toBeChecked();
    await page.getByLabel('이름 또는 상호').fill(name);
    await page.getByLabel('휴대전화 번호').fill(phone);
    await page.getByRole('button', { name: '1건 등록' }).click();
    await expect(page.getByText('고객이 동의해야 등록할 수 있어요.').first()).toBeVisible();
    await page.getByRole('checkbox', { name: '고객에게 동의를 받았어요' }).check();
    await page.getByRole('button', { name: '1건 등록' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
    await expect(page.getByText('내가 맡았어요.')).toBeVisible();
  });

  await test.step('The customer is one of the salesman, and has a card', async () => {
    await page.getByRole('link', { name: '고객 보기' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
    await page.getByRole('main').getByRole('link', { name: '방문 카드' }).click();
    await expect(page.getByRole('article', { name: `${name} 고객께` })).toBeVisible();
  });

  await test.step('A consultation is entered from the card of the customer', async () => {
    await page.getByRole('link', { name: `상담 신청: ${programme.name}` }).click();
    await expect(page.getByLabel('이름 또는 상호')).toHaveValue(name);
    await page.getByLabel('휴대전화 번호').fill(phone);
    await page.getByLabel('원하는 날').fill(dayFromToday(7));
    await page.getByLabel('고객이 남긴 말').fill('판로를 여는 지원이 궁금해요');
    await page.getByRole('checkbox', { name: '고객에게 동의를 받았어요' }).check();
    await page.getByRole('button', { name: '상담 신청', exact: true }).click();
    await expect(page.getByText('내가 맡았어요.')).toBeVisible();
  });

  await test.step('The consultation is matched, and can be approved', async () => {
    await page.getByRole('link', { name: '상담 보기' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
    await expect(page.getByText('판로를 여는 지원이 궁금해요')).toBeVisible();
    await expect(page.getByRole('button', { name: '승인' })).toBeVisible();
  });
});
