import { defineTexts } from '@/texts/texts';

export const staffCustomerTexts = defineTexts(
  {
    lastFour: '번호 끝 네 자리',
    lastFourHint: '예: 5678',
    lastFourWrong: '숫자 네 자리를 적어 주세요.',
    noName: (digits: string) => `고객 ····${digits}`,
    erased: '지운 고객',
  },
  {
    lastFour: 'Last four digits',
    lastFourHint: 'For example 5678',
    lastFourWrong: 'Enter four digits.',
    noName: (digits) => `Customer ····${digits}`,
    erased: 'Erased customer',
  },
);
