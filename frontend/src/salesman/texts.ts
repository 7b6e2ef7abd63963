import { defineTexts } from '@/texts/texts';

export const salesmanTexts = defineTexts(
  {
    today: '오늘',
    consultations: '상담',
    customers: '고객',
    card: '방문 카드',
    numbers: '내 실적',
  },
  {
    today: 'Today',
    consultations: 'Consultations',
    customers: 'Customers',
    card: 'Visit card',
    numbers: 'My numbers',
  },
);
