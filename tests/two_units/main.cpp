#include <iostream>
#include <string>

std::string native();
std::string debug();

int main() {
    const std::string a = native(), b = debug();
    std::cout << a << ' ' << b << '\n';
    return a == b && !a.empty() ? 0 : 1;
}
